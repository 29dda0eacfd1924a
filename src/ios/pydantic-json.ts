import type { ValidationItem } from './pydantic-fault.ts'

const LITERAL = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y
const SPACE = /[ \t\n\r]*/y
// oxlint-disable-next-line no-control-regex -- JSON strings end at a raw control character
const PLAIN = /[^"\\\u0000-\u001f]*/y

interface SyntaxFault {
  readonly at: number
  readonly msg: string
}

/** The 422 item for a body that is no JSON. `error` is what the parser threw, for what Python would have accepted. */
export function jsonSyntaxError(text: string, error: unknown): ValidationItem {
  const fallback = error instanceof Error ? error.message : 'Invalid JSON'
  const { at, msg } = findFault(text) ?? { at: 0, msg: fallback }
  // Python counts code points.
  const offset = at - (text.slice(0, at).match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0)
  return { type: 'json_invalid', loc: ['body', offset], msg: 'JSON decode error', input: {}, ctx: { error: msg } }
}

/**
 * The first fault, as Python's json module reports it. Without recursion, because a body of a million opening brackets
 * is a fault like any other: `open` holds the brackets around the current position.
 */
function findFault(text: string): SyntaxFault | undefined {
  const open: string[] = []
  let at = after(SPACE, text, 0)
  for (;;) {
    const start = text[at]
    if (start === '[' || start === '{') {
      at = after(SPACE, text, at + 1)
      const empty = text[at] === (start === '[' ? ']' : '}')
      if (empty) at += 1
      else {
        open.push(start)
        const inside = start === '[' ? at : afterKey(text, at)
        if (typeof inside !== 'number') return inside
        at = inside
        continue
      }
    } else {
      const end = start === '"' ? afterString(text, at) : after(LITERAL, text, at)
      if (typeof end !== 'number') return end
      if (end === at) return { at, msg: 'Expecting value' }
      at = end
    }
    const next = afterValue(text, at, open)
    if (typeof next !== 'number') return next
    if (open.length === 0) return next < text.length ? { at: next, msg: 'Extra data' } : undefined
    at = next
  }
}

/** From the end of a value to the start of the next one, closing what ends in between. */
function afterValue(text: string, from: number, open: string[]): number | SyntaxFault {
  let at = after(SPACE, text, from)
  for (let last = open.at(-1); last !== undefined; last = open.at(-1)) {
    if (text[at] === ',') {
      at = after(SPACE, text, at + 1)
      return last === '[' ? at : afterKey(text, at)
    }
    if (text[at] !== (last === '[' ? ']' : '}')) return { at, msg: "Expecting ',' delimiter" }
    open.pop()
    at = after(SPACE, text, at + 1)
  }
  return at
}

/** From the start of a key to the start of its value. */
function afterKey(text: string, from: number): number | SyntaxFault {
  if (text[from] !== '"') return { at: from, msg: 'Expecting property name enclosed in double quotes' }
  const end = afterString(text, from)
  if (typeof end !== 'number') return end
  const colon = after(SPACE, text, end)
  return text[colon] === ':' ? after(SPACE, text, colon + 1) : { at: colon, msg: "Expecting ':' delimiter" }
}

function afterString(text: string, quote: number): number | SyntaxFault {
  let at = quote + 1
  for (;;) {
    at = after(PLAIN, text, at)
    const end = text[at]
    if (end === '"') return at + 1
    if (end === undefined || at + 1 === text.length) return { at: quote, msg: 'Unterminated string starting at' }
    if (end !== '\\') return { at, msg: 'Invalid control character at' }
    if (text[at + 1] === 'u') {
      if (!/^[\da-fA-F]{4}$/.test(text.slice(at + 2, at + 6))) return { at: at + 1, msg: 'Invalid \\uXXXX escape' }
      at += 6
    } else if ('"\\/bfnrt'.includes(text[at + 1] ?? ' ')) at += 2
    else return { at, msg: 'Invalid \\escape' }
  }
}

/** Where a match of a sticky expression ends, or the start when it doesn't match. */
function after(expression: RegExp, text: string, from: number): number {
  expression.lastIndex = from
  return from + (expression.exec(text)?.[0].length ?? 0)
}
