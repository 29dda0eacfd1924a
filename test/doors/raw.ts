/** JSON as it stands, where JSON.stringify would write something else: `1e400`, `-0`, ten thousand brackets. */
export class Raw {
  static readonly #texts: string[] = []
  readonly #index: number

  constructor(text: string) {
    this.#index = Raw.#texts.push(text) - 1
  }

  toJSON(): string {
    return `@@raw ${this.#index}@@`
  }

  /** JSON.stringify that knows them. */
  static write(value: unknown): string {
    return (JSON.stringify(value) ?? '').replace(/"@@raw (\d+)@@"/g, (_, index: string) => Raw.#texts[Number(index)]!)
  }
}
