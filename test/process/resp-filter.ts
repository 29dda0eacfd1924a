/** Reads what Redis sends on one connection, frame by frame, and leaves out published messages at random. All else passes as it is, byte for byte. */

const MESSAGES = ['message', 'smessage', 'pmessage']
const SUBSCRIBED = ['subscribe', 'ssubscribe', 'psubscribe']
/** Enough to know a frame by: `>3\r\n$8\r\nsmessage\r\n`, with counts of any size. */
const HEAD_BYTES = 128
/** No line of Redis that has no length of its own is longer: those of errors and of inline answers. */
const LINE_BYTES = 64 * 1024

/** What is left of a list that has begun. */
interface List {
  left: number
  /** False for attributes (`|`), which come before the value that they are about. */
  readonly isValue: boolean
}

/** One direction of one connection, from its first byte on. Keeps at most a line, however long the frames. */
export class RespFilter {
  readonly #drops: () => boolean
  readonly #count: (dropped: boolean) => void
  readonly #open: List[] = []
  #kept: Buffer = Buffer.alloc(0)
  /** Bytes that are left of a text whose length is known. */
  #text = 0
  #dropping = false
  /** With RESP2 a message looks like any other list; they come on connections that have subscribed. */
  #subscribed = false

  /** `drops`: asked for each message. `count`: told of each message, and whether it was dropped. */
  constructor(drops: () => boolean, count: (dropped: boolean) => void) {
    this.#drops = drops
    this.#count = count
  }

  /** Takes the next bytes and gives those that pass now. Throws when they are not of Redis. */
  take(data: Buffer): Buffer {
    const bytes = this.#kept.length === 0 ? data : Buffer.concat([this.#kept, data])
    const passing: Buffer[] = []
    let at = 0
    while (at < bytes.length) {
      const length = this.#text > 0 ? Math.min(this.#text, bytes.length - at) : this.#line(bytes, at)
      if (length === 0) break
      if (!this.#dropping) passing.push(bytes.subarray(at, at + length))
      if (this.#text > 0) this.#endText(length)
      else this.#endLine(bytes.toString('latin1', at, at + length - 2))
      at += length
    }
    this.#kept = bytes.subarray(at)
    return passing.length === 1 ? passing[0]! : Buffer.concat(passing)
  }

  /** The length of the line that begins here, or 0 when it, or what must be known of its frame, is not all there. */
  #line(bytes: Buffer, at: number): number {
    const end = bytes.indexOf('\r\n', at)
    if (end < 0) {
      if (bytes.length - at > LINE_BYTES) throw new Error('that is not the protocol of Redis')
      return 0
    }
    if (this.#open.length > 0) return end + 2 - at
    const kind = kindOf(bytes.subarray(at, at + HEAD_BYTES))
    if (kind === undefined) return 0
    const pushed = bytes[at] === 0x3e
    if (SUBSCRIBED.includes(kind) && !pushed) this.#subscribed = true
    if (MESSAGES.includes(kind) && (pushed || this.#subscribed)) {
      this.#dropping = this.#drops()
      this.#count(this.#dropping)
    }
    return end + 2 - at
  }

  #endText(length: number): void {
    this.#text -= length
    if (this.#text === 0) this.#endValue()
  }

  #endLine(line: string): void {
    const count = Number(line.slice(1))
    switch (line.charAt(0)) {
      case '$':
      case '=':
      case '!':
        if (count < 0) this.#endValue()
        else this.#text = count + 2
        return
      case '*':
      case '>':
      case '~':
        return this.#begin(count, true)
      case '%':
        return this.#begin(2 * count, true)
      case '|':
        return this.#begin(2 * count, false)
      default:
        this.#endValue()
    }
  }

  #begin(left: number, isValue: boolean): void {
    if (left > 0) this.#open.push({ left, isValue })
    else if (isValue) this.#endValue()
  }

  #endValue(): void {
    for (let list = this.#open.at(-1); list !== undefined; list = this.#open.at(-1)) {
      list.left--
      if (list.left > 0) return
      this.#open.pop()
      if (!list.isValue) return
    }
    this.#dropping = false
  }
}

/** The first text of the list that begins here: `message`. Empty when it is no such list, undefined when one can't tell yet. */
function kindOf(head: Buffer): string | undefined {
  const text = head.toString('latin1')
  const [all, length, kind] = /^[*>]\d+\r\n\$(\d+)\r\n([a-z]*)/.exec(text) ?? []
  if (all !== undefined) {
    if (kind!.length === Number(length)) return kind!
    return kind!.length < Number(length) && all.length === text.length && text.length < HEAD_BYTES ? undefined : ''
  }
  const undecided = /^[*>]\d+\r\n(?:\$(?:\d+(?:\r\n?)?)?)?$/.test(text)
  return undecided && !/^[*>]0+\r\n/.test(text) ? undefined : ''
}
