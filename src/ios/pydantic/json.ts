import { limits } from '../../platform/limits.ts'
import { TOO_DEEP } from '../../platform/http/body.ts'
import { codePoints, type ValidationItem } from './fault.ts'

const LITERAL = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y

interface SyntaxFault {
  readonly at: number
  readonly msg: string
}

/**
 * The 422 item for a body that is not JSON. `error` is the parser's error, for texts that Python would have accepted.
 */
export function jsonSyntaxError(text: string, error: unknown): ValidationItem {
  const fallback = error instanceof Error ? error.message : 'Invalid JSON'
  const { at, msg } = findFault(text) ?? { at: 0, msg: fallback }
  // Python counts code points.
  const offset = codePoints(text.slice(0, at))
  return { type: 'json_invalid', loc: ['body', offset], msg: 'JSON decode error', input: {}, ctx: { error: msg } }
}

/**
 * The first fault, as Python's json module reports it. It does not recurse, because a body of a million opening
 * brackets is a fault like any other: `open` holds the brackets around the current position.
 */
function findFault(text: string): SyntaxFault | undefined {
  const open: string[] = []
  let at = afterSpace(text, 0)
  for (;;) {
    const start = text[at]
    if (start === '[' || start === '{') {
      if (open.length === limits.bodyLevels) return { at, msg: TOO_DEEP }
      at = afterSpace(text, at + 1)
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
      const end = start === '"' ? afterString(text, at) : afterLiteral(text, at)
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

/** Moves from the end of a value to the start of the next one, and closes brackets that end in between. */
function afterValue(text: string, from: number, open: string[]): number | SyntaxFault {
  let at = afterSpace(text, from)
  for (let last = open.at(-1); last !== undefined; last = open.at(-1)) {
    if (text[at] === ',') {
      at = afterSpace(text, at + 1)
      return last === '[' ? at : afterKey(text, at)
    }
    if (text[at] !== (last === '[' ? ']' : '}')) return { at, msg: "Expecting ',' delimiter" }
    open.pop()
    at = afterSpace(text, at + 1)
  }
  return at
}

/** Moves from the start of a key to the start of its value. */
function afterKey(text: string, from: number): number | SyntaxFault {
  if (text[from] !== '"') return { at: from, msg: 'Expecting property name enclosed in double quotes' }
  const end = afterString(text, from)
  if (typeof end !== 'number') return end
  const colon = afterSpace(text, end)
  return text[colon] === ':' ? afterSpace(text, colon + 1) : { at: colon, msg: "Expecting ':' delimiter" }
}

function afterString(text: string, quote: number): number | SyntaxFault {
  let at = quote + 1
  for (;;) {
    at = afterPlain(text, at)
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

/** The end of a number or word that starts here; the start when there is none. */
function afterLiteral(text: string, from: number): number {
  LITERAL.lastIndex = from
  return from + (LITERAL.exec(text)?.[0].length ?? 0)
}

function afterSpace(text: string, from: number): number {
  let at = from
  for (
    let code = text.charCodeAt(at);
    code === 0x20 || (code >= 0x09 && code <= 0x0d && code !== 0x0b && code !== 0x0c);
  )
    code = text.charCodeAt(++at)
  return at
}

/** The end of the literal part of a text: up to a quote, a backslash or a control character. */
function afterPlain(text: string, from: number): number {
  let at = from
  for (let code = text.charCodeAt(at); code >= 0x20 && code !== 0x22 && code !== 0x5c;) code = text.charCodeAt(++at)
  return at
}
