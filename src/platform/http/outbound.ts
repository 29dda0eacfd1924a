import { lookup as lookUp, type LookupAddress } from 'node:dns'
import { request as requestHttp, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as requestHttps } from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { limits } from '../limits.ts'

/**
 * Requests to addresses that others choose. They reach public addresses only, unless the operator allows more: the
 * server stands in a network with things that trust their neighbours. The address that was checked is the one that is
 * connected to, redirects are not followed, and answers are read up to a limit.
 */

/** An answer, whatever its status. */
export interface Answered {
  readonly status: number
  /** The first `limits.outboundAnswerBytes` of it. */
  readonly body: string
}

/** No answer came. `isForbidden`: the address may not be reached, now or later. */
export class Unreachable extends Error {
  readonly isForbidden: boolean

  constructor(message: string, isForbidden = false) {
    super(message)
    this.name = 'Unreachable'
    this.isForbidden = isForbidden
  }
}

// By the registries of IANA: everything that is not the public Internet, and what carries such an address within.
const SPECIAL: readonly (readonly [net: string, prefix: number, family: 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.88.99.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
]
// Of IPv6, only 2000::/3 is given out; within it, these are not or carry an address of IPv4.
const SPECIAL_WITHIN_PUBLIC_V6: readonly (readonly [net: string, prefix: number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]

const special = new BlockList()
for (const [net, prefix, family] of SPECIAL) special.addSubnet(net, prefix, family)
const publicV6 = new BlockList()
publicV6.addSubnet('2000::', 3, 'ipv6')
const specialV6 = new BlockList()
for (const [net, prefix] of SPECIAL_WITHIN_PUBLIC_V6) specialV6.addSubnet(net, prefix, 'ipv6')

/** Whether an address belongs to the public Internet. */
export function isPublic(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !special.check(address, 'ipv4')
  // IPv4 in the clothes of IPv6 is outside of 2000::/3 and so refused with the rest.
  return family === 6 && publicV6.check(address, 'ipv6') && !specialV6.check(address, 'ipv6')
}

/** Nets that the operator allows, `10.1.0.0/16` or a single address. Throws for anything else. */
export function netsOf(nets: readonly string[]): BlockList {
  const list = new BlockList()
  for (const net of nets) {
    const [address = '', prefix] = net.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    const bits = prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix)
    list.addSubnet(address, bits, family)
  }
  return list
}

/** Sends requests under these rules. */
export class Outbound {
  readonly #allowed: BlockList

  /** `allowed`: nets that may be reached though they are not public, also without TLS. */
  constructor(allowed: readonly string[] = []) {
    this.#allowed = netsOf(allowed)
  }

  /** Sends a POST. Gives the answer, or why there is none. Rejects only when `signal` is aborted. */
  async post(
    address: string,
    { headers, body, signal }: { headers: Record<string, string>; body: string | Buffer; signal: AbortSignal },
  ): Promise<Answered | Unreachable> {
    const url = URL.canParse(address) ? new URL(address) : null
    if (url === null || !/^https?:$/.test(url.protocol)) return new Unreachable('it is no web address', true)
    const isPlain = url.protocol === 'http:'
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const fault = isIP(host) === 0 ? null : this.#faultOf(host, isPlain)
    if (fault) return fault
    const options: RequestOptions = {
      method: 'POST',
      headers: { ...headers, 'content-length': `${Buffer.byteLength(body)}`, 'user-agent': 'QTable' },
      agent: false,
      signal,
      lookup: this.#lookup(isPlain),
    }
    try {
      return await answerOf((isPlain ? requestHttp : requestHttps)(url, options), body)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof Unreachable) return error
      return new Unreachable((error as NodeJS.ErrnoException).code ?? 'the connection failed')
    }
  }

  #faultOf(given: string, isPlain: boolean): Unreachable | null {
    // A link-local address may name its interface.
    const [address = ''] = given.split('%')
    const isAllowed = this.#allowed.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
    if (isAllowed) return null
    if (!isPublic(address)) return new Unreachable('its address is not public', true)
    return isPlain ? new Unreachable('it is public and needs https', true) : null
  }

  /** Looks a name up and refuses it when any of its addresses may not be reached. */
  #lookup(isPlain: boolean): LookupFunction {
    return (host, options, callback) => {
      lookUp(host, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
        const fault = error ?? addresses.map(({ address }) => this.#faultOf(address, isPlain)).find((each) => each)
        const [first] = addresses ?? []
        if (fault || !first) return callback(fault ?? new Unreachable('its name has no address'), '', 0)
        if (options.all) return callback(null, addresses)
        callback(null, first.address, first.family)
      })
    }
  }
}

function answerOf(request: ClientRequest, body: string | Buffer): Promise<Answered> {
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    request.on('response', (response: IncomingMessage) => {
      const chunks: Buffer[] = []
      let size = 0
      const finish = () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') })
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        size += chunk.length
        if (size < limits.outboundAnswerBytes) return
        finish()
        request.destroy()
      })
      response.on('end', finish)
      response.on('error', reject)
    })
    request.end(body)
  })
}
