// The first byte of a frame that is whole (RFC 6455 section 5.2): FIN, and what it is. What a server sends is never masked, so its bytes are the same for everyone.
const WHOLE_TEXT = 0x81
const PING = 0x89

/** A frame as it stands on the wire. It is written out once, however many sockets it goes to. */
export class Frame {
  readonly bytes: Buffer
  /** Whether several sockets are sent it: then what they are sent after it is joined once for all of them. */
  readonly isShared: boolean
  #alone: Run | null = null

  /** A text frame. */
  constructor(text: string, isShared = true, first = WHOLE_TEXT) {
    this.isShared = isShared
    const length = Buffer.byteLength(text)
    const start = length < 126 ? 2 : length < 65_536 ? 4 : 10
    const bytes = Buffer.allocUnsafe(start + length)
    bytes[0] = first
    if (length < 126) bytes[1] = length
    else if (length < 65_536) {
      bytes[1] = 126
      bytes.writeUInt16BE(length, 2)
    } else {
      bytes[1] = 127
      bytes.writeUInt32BE(Math.floor(length / 2 ** 32), 2)
      bytes.writeUInt32BE(length % 2 ** 32, 6)
    }
    bytes.write(text, start)
    this.bytes = bytes
  }

  /** Nothing but this frame. */
  get alone(): Run {
    return (this.#alone ??= new Run(null, this))
  }
}

/** A ping with nothing in it. */
export const ping = new Frame('', true, PING)

/** Frames that follow each other. Sockets that are sent the same ones have the same run, which is joined once. It lives for a tick, as its frames do. */
export class Run {
  readonly count: number
  readonly bytes: number
  readonly #before: Run | null
  readonly #last: Frame
  #next: Run | null = null
  #joined: Buffer | null

  constructor(before: Run | null, last: Frame) {
    this.#before = before
    this.#last = last
    this.count = (before?.count ?? 0) + 1
    this.bytes = (before?.bytes ?? 0) + last.bytes.length
    this.#joined = before ? null : last.bytes
  }

  /** These, and one more. */
  and(frame: Frame): Run {
    const next = this.#next
    if (next && next.#last === frame) return next
    const run = new Run(this, frame)
    if (frame.isShared) this.#next ??= run
    return run
  }

  /** All of them, as bytes that nobody may change. */
  get joined(): Buffer {
    if (this.#joined) return this.#joined
    const bytes = Buffer.allocUnsafeSlow(this.bytes)
    let end = this.bytes
    // oxlint-disable-next-line typescript/no-this-alias
    for (let run: Run | null = this; run; run = run.#before) {
      end -= run.#last.bytes.length
      bytes.set(run.#last.bytes, end)
    }
    this.#joined = bytes
    return bytes
  }
}
