import { request } from 'node:http'

/** Requests from several addresses of this machine: all of 127.0.0.0/8 are. */

export interface Told {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  // Tests look into bodies of many shapes.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any
}

/** Posts JSON from an address, on a connection of its own. */
export function postFrom(base: string, address: string, path: string, sent: object, cookie?: string): Promise<Told> {
  const body = JSON.stringify(sent)
  const length = Buffer.byteLength(body)
  const headers = { 'content-type': 'application/json', 'content-length': length, ...(cookie && { cookie }) }
  const options = { method: 'POST', agent: false, localAddress: address, headers }
  return new Promise((resolve, reject) => {
    const asked = request(base + path, options, (answer) => {
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => parts.push(part))
      answer.on('error', reject)
      answer.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8')
        resolve({ status: answer.statusCode!, headers: answer.headers, body: JSON.parse(text) })
      })
    })
    asked.on('error', reject)
    asked.end(body)
  })
}
