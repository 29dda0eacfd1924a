import { isUtf8 } from 'node:buffer'

/** A body that is not valid in its apparent encoding. */
export class UnreadableBody extends Error {
  constructor() {
    super('The body is not text in UTF-8')
  }
}

/**
 * The text of a body. Throws {@link UnreadableBody} if it is not text, so that nothing is stored that nobody sent.
 */
export function utf8Text(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new UnreadableBody()
  return bytes.toString('utf8')
}

/**
 * The text of a JSON body. The first bytes show the encoding, as in Python's json module: JSON begins with two ASCII
 * characters, or there is a byte order mark, which is removed.
 */
export function jsonText(bytes: Buffer): string {
  const [first, second, third, fourth] = bytes
  if (first === 0xef && second === 0xbb && third === 0xbf) return utf8Text(bytes.subarray(3))
  if (first === 0xff && second === 0xfe)
    return third === 0 && fourth === 0 ? utf32Text(bytes.subarray(4), 'LE') : utf16Text(bytes.subarray(2), 'le')
  if (first === 0xfe && second === 0xff) return utf16Text(bytes.subarray(2), 'be')
  // The usual case: no zero byte at the start.
  if ((first && second) || bytes.length < 2 || bytes.length === 3) return utf8Text(bytes)
  if (bytes.length === 2) return utf16Text(bytes, first === 0 ? 'be' : 'le')
  if (first === 0 && second === 0) return utf32Text(third === 0xfe && fourth === 0xff ? bytes.subarray(4) : bytes, 'BE')
  if (first === 0) return utf16Text(bytes, 'be')
  return third === 0 && fourth === 0 ? utf32Text(bytes, 'LE') : utf16Text(bytes, 'le')
}

function utf16Text(bytes: Buffer, order: 'le' | 'be'): string {
  try {
    return new TextDecoder(`utf-16${order}`, { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new UnreadableBody()
  }
}

function utf32Text(bytes: Buffer, order: 'LE' | 'BE'): string {
  if (bytes.length % 4 !== 0) throw new UnreadableBody()
  const parts: string[] = []
  for (let at = 0; at < bytes.length; at += 4) {
    const code = order === 'LE' ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)
    if (code > 0x10_ffff || (code >= 0xd800 && code <= 0xdfff)) throw new UnreadableBody()
    parts.push(String.fromCodePoint(code))
  }
  return parts.join('')
}
