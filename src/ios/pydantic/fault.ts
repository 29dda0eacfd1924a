/** The fault of one value, in pydantic's wording. `parseModel` adds its location and its value. */
export class Fault {
  readonly type: string
  readonly msg: string
  readonly ctx: Readonly<Record<string, unknown>> | undefined
  /** Whether the item carries the address of pydantic's page about its type. */
  readonly linked: boolean

  constructor(type: string, msg: string, ctx?: Readonly<Record<string, unknown>>, linked = true) {
    this.type = type
    this.msg = msg
    this.ctx = ctx
    this.linked = linked
  }
}

/** The fault for a `ValueError` of a custom validator. The exception itself is sent as `{}`. */
export const valueFault = (message: string): Fault => new Fault('value_error', `Value error, ${message}`, { error: {} })

/** `1 character`, `2 characters`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** The length of a text as Python counts it: code points, not UTF-16 units. */
export function codePoints(text: string): number {
  let count = text.length
  for (let i = 0; i < text.length - 1; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) count--
  }
  return count
}

/** One entry of a 422's `detail`, keys in the order of the wire. */
export interface ValidationItem {
  readonly type: string
  readonly loc: readonly (string | number)[]
  readonly msg: string
  readonly input: unknown
  readonly ctx?: Readonly<Record<string, unknown>>
  readonly url?: string
}
