/** A new UUID (version 4), lower case, from the platform's own randomness. `crypto.randomUUID` is missing in pages served over plain http. */
export function newId(): string {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = (from: number, to: number) =>
    Array.from(bytes.slice(from, to), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return [hex(0, 4), hex(4, 6), hex(6, 8), hex(8, 10), hex(10, 16)].join('-')
}
