/** Makes elements of HTML and SVG. Text is set as text, never as markup. */

type Child = Node | string | null

interface Parts {
  readonly class?: string
  readonly text?: string
  readonly attributes?: Readonly<Record<string, string | number | boolean>>
}

function fill<E extends Element>(
  made: E,
  { class: name, text, attributes = {} }: Parts,
  children: readonly Child[],
): E {
  if (name !== undefined) made.setAttribute('class', name)
  if (text !== undefined) made.textContent = text
  for (const [key, value] of Object.entries(attributes)) if (value !== false) made.setAttribute(key, `${value}`)
  made.append(...children.filter((child) => child !== null))
  return made
}

/** An HTML element. */
export const html = <K extends keyof HTMLElementTagNameMap>(
  tag: K,
  parts: Parts = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] => fill(document.createElement(tag), parts, children)

/** An SVG element. */
export const svg = <K extends keyof SVGElementTagNameMap>(
  tag: K,
  parts: Parts = {},
  ...children: Child[]
): SVGElementTagNameMap[K] => fill(document.createElementNS('http://www.w3.org/2000/svg', tag), parts, children)

/** The element of the page with an id. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (!found) throw new Error(`the page has no #${id}`)
  return found
}
