import type { News } from './changes.ts'

/** Who is called back after something changed. Several changes at once are one call. */
export class Listeners {
  readonly #all = new Set<() => void>()
  readonly #ofNews = new Set<(news: News) => void>()
  /** Not told yet. */
  #news: News[] = []
  #isNotifying = false

  subscribe(listener: () => void): () => void {
    this.#all.add(listener)
    return () => this.#all.delete(listener)
  }

  onChange(listener: (news: News) => void): () => void {
    this.#ofNews.add(listener)
    return () => this.#ofNews.delete(listener)
  }

  /** Something that a listener may read has changed. */
  notify(): void {
    if (this.#isNotifying) return
    this.#isNotifying = true
    queueMicrotask(() => {
      this.#isNotifying = false
      for (const listener of this.#all) listener()
    })
  }

  /** A change of the restaurant was applied. */
  tell(news: News): void {
    if (this.#ofNews.size > 0 && this.#news.push(news) === 1) queueMicrotask(() => this.#tellNews())
  }

  #tellNews(): void {
    for (const news of this.#news.splice(0)) for (const listener of this.#ofNews) listener(news)
  }
}
