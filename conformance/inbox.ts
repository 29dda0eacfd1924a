/** What a client did wrong, in a sentence. */
export class Wrong extends Error {}

interface Waiting<T> {
  readonly isIt: (item: T) => boolean
  readonly take: (item: T) => void
}

/** What came from the client and nobody has looked at yet. */
export class Inbox<T> {
  #items: T[] = []
  #waiting: Waiting<T>[] = []

  push(item: T): void {
    const found = this.#waiting.find(({ isIt }) => isIt(item))
    if (!found) return void this.#items.push(item)
    this.#waiting = this.#waiting.filter((each) => each !== found)
    found.take(item)
  }

  /** The next item, or the next one for which `isIt` holds. Throws `Wrong` with `otherwise` when none comes in time. */
  next(millis: number, otherwise: string, isIt: (item: T) => boolean = () => true): Promise<T> {
    const index = this.#items.findIndex(isIt)
    if (index >= 0) return Promise.resolve(this.#items.splice(index, 1)[0]!)
    return new Promise((resolve, reject) => {
      const waiting: Waiting<T> = {
        isIt,
        take: (item) => {
          clearTimeout(timer)
          resolve(item)
        },
      }
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((each) => each !== waiting)
        reject(new Wrong(otherwise))
      }, millis)
      this.#waiting.push(waiting)
    })
  }

  /** Waits so long. Throws `Wrong` with `otherwise` when anything comes for which `isIt` holds. */
  async none(millis: number, otherwise: string, isIt: (item: T) => boolean = () => true): Promise<void> {
    const came = await this.next(millis, '', isIt).then(
      () => true,
      () => false,
    )
    if (came) throw new Wrong(otherwise)
  }

  /** All that came, which is forgotten here. */
  empty(): T[] {
    return this.#items.splice(0)
  }
}
