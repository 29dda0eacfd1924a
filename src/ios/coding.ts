import { limits } from '../platform/limits.ts'
import type { Coding } from '../changes/answers/compress.ts'

const codings = new Map<string, Coding>()

/**
 * The coding of the answer, by the header accept-encoding. Results are remembered, because clients send few different
 * headers.
 */
export function codingOf(accepted: string): Coding {
  const known = codings.get(accepted)
  if (known !== undefined) return known
  const coding = bestCoding(accepted)
  if (codings.size < limits.rememberedCodings) codings.set(accepted, coding)
  return coding
}

/**
 * The best coding that a client accepts (RFC 9110 section 12.5.3): br before gzip, unless its weights say otherwise
 * or it refuses one.
 */
function bestCoding(accepted: string): Coding {
  let best: Coding = 'identity'
  let weight = 0
  for (const part of accepted.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((each) => each.trim())
    const q = Number(parameters.find((each) => each.startsWith('q='))?.slice(2) ?? 1)
    if ((name === 'br' || name === 'gzip') && (q > weight || (q === weight && q > 0 && name === 'br')))
      [best, weight] = [name, q]
  }
  return best
}
