import { randomBytes } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'
import { bytesOf, idIn } from '../../platform/ids.ts'
import type { Tokens } from '../../platform/tokens.ts'

/** Recognises a device or an address that signed in before. */

const MARK = Buffer.from('device:')
const ID_BYTES = 16

/**
 * The text that a device gets when it signs in: its account and 16 random bytes, sealed with the server's key.
 * Nothing of it is stored.
 */
export const makeDevice = (tokens: Tokens, staffId: string): string =>
  tokens.seal(Buffer.concat([MARK, bytesOf(staffId), randomBytes(ID_BYTES)]))

/** The account of a device, or null for a text that this server never gave out. */
export function staffOfDevice(tokens: Tokens, device: string): string | null {
  const bytes = tokens.unseal(device)
  if (bytes?.length !== MARK.length + 2 * ID_BYTES || !bytes.subarray(0, MARK.length).equals(MARK)) return null
  return idIn(bytes, MARK.length)
}

/** What counts as one address: the first 64 bits of an IPv6 address, because a device changes the others at will. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined && isIPv4(mapped)) return mapped
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('%', 1)[0]!.toLowerCase().split('::')
  const first = head === '' ? [] : head.split(':')
  const last = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - first.length - last.length)).fill('0')
  return `${[...first, ...zeros, ...last]
    .slice(0, 4)
    .map((part) => part.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}
