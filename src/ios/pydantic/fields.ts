import { z } from 'zod'
import { parseDatetime, DATETIME_PATTERN } from './datetime.ts'
import { EMAIL_LENGTH, EMAIL_PATTERN, parseEmail } from './email.ts'
import { codePoints, counted, Fault, valueFault } from './fault.ts'

const INT_MIN = -(2 ** 31)
const INT_MAX = 2 ** 31 - 1
/** Python refuses to parse longer numbers from text. */
const LONGEST_INT_TEXT = 4300
const INT_TEXT = /^[+-]?\d+(?:_\d+)*(?:\.0+)?$/
const FLOAT_TEXT = /^[+-]?(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+)?$/i
const NOT_FINITE_TEXT = /^[+-]?(?:nan|inf|infinity)$/i
/** A lone surrogate. */
const SURROGATE = /\p{Cs}/u
const TRUE = ['true', '1', 'yes', 'y', 'on', 't']
const FALSE = ['false', '0', 'no', 'n', 'off', 'f']

/** Keywords of the JSON Schema that describes a field. */
type Description = Readonly<Record<string, unknown>>

/** A field that one function reads. The description goes into the OpenAPI document. */
function leaf<T>(description: Description, read: (value: unknown) => T | Fault): z.ZodType<T> {
  // A check may replace the value (zod's own `overwrite` works like this). A transform would be another schema behind
  // a pipe, and cost twice as much.
  const check = z.check((payload) => {
    const result = read(payload.value)
    if (!(result instanceof Fault)) payload.value = result
    else payload.issues.push({ code: 'custom', input: payload.value, params: { fault: result } })
  })
  return z.unknown().check(check).meta(description) as unknown as z.ZodType<T>
}

function str({ max, min }: { readonly max: number; readonly min?: number }): z.ZodType<string> {
  const length = min === undefined ? { maxLength: max } : { minLength: min, maxLength: max }
  return leaf({ type: 'string', ...length, pattern: '^[^\\u0000]*$' }, (value) => {
    if (typeof value !== 'string') return new Fault('string_type', 'Input should be a valid string')
    if (SURROGATE.test(value)) {
      const msg = 'Input should be a valid string, unable to parse raw data as a unicode string'
      return new Fault('string_unicode', msg)
    }
    // A text has at most as many code points as units, so most texts need no counting.
    if (value.length > max && codePoints(value) > max) {
      return new Fault('string_too_long', `String should have at most ${counted(max, 'character')}`, {
        max_length: max,
      })
    }
    if (min !== undefined && codePoints(value) < min) {
      const msg = `String should have at least ${counted(min, 'character')}`
      return new Fault('string_too_short', msg, { min_length: min })
    }
    return value.includes('\0') ? valueFault('text must not contain NUL characters') : value
  })
}

function int(range: { readonly min?: number; readonly max?: number } = {}): z.ZodType<number> {
  const { min = INT_MIN, max = INT_MAX } = range
  return leaf({ type: 'integer', minimum: min, maximum: max }, (value) => {
    const read = readInt(value)
    if (read instanceof Fault) return read
    if (read < min) {
      return new Fault('greater_than_equal', `Input should be greater than or equal to ${min}`, { ge: min })
    }
    if (read > max) return new Fault('less_than_equal', `Input should be less than or equal to ${max}`, { le: max })
    return read
  })
}

function readInt(value: unknown): number | Fault {
  const should = 'Input should be a valid integer'
  if (typeof value === 'boolean') return Number(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return notFinite()
    if (!Number.isInteger(value)) {
      return new Fault('int_from_float', `${should}, got a number with a fractional part`)
    }
    return value + 0 // -0 becomes 0
  }
  if (typeof value !== 'string') return new Fault('int_type', should)
  const text = value.trim()
  if (!INT_TEXT.test(text)) return new Fault('int_parsing', `${should}, unable to parse string as an integer`)
  if (text.length > LONGEST_INT_TEXT) {
    return new Fault('int_parsing_size', 'Unable to parse input string as an integer, exceeded maximum size')
  }
  return Number(text.replaceAll('_', '')) + 0
}

const notFinite = (): Fault => new Fault('finite_number', 'Input should be a finite number')

function float(): z.ZodType<number> {
  return leaf({ type: 'number' }, (value) => {
    const should = 'Input should be a valid number'
    if (typeof value === 'boolean') return Number(value)
    if (typeof value !== 'number' && typeof value !== 'string') return new Fault('float_type', should)
    const text = typeof value === 'string' ? value.trim() : ''
    if (typeof value === 'string' && !FLOAT_TEXT.test(text)) {
      const known = NOT_FINITE_TEXT.test(text)
      return known ? notFinite() : new Fault('float_parsing', `${should}, unable to parse string as a number`)
    }
    const number = typeof value === 'number' ? value : Number(text.replaceAll('_', ''))
    return Number.isFinite(number) ? number : notFinite()
  })
}

function bool(): z.ZodType<boolean> {
  return leaf({ type: 'boolean' }, (value) => {
    const should = 'Input should be a valid boolean'
    if (typeof value === 'boolean') return value
    if (typeof value !== 'string' && !(typeof value === 'number' && Number.isInteger(value))) {
      return new Fault('bool_type', should)
    }
    const text = String(value).toLowerCase()
    if (TRUE.includes(text)) return true
    return FALSE.includes(text) ? false : new Fault('bool_parsing', `${should}, unable to interpret input`)
  })
}

function oneOf<const V extends readonly [string, ...string[]], const A extends readonly string[] = readonly []>(
  values: V,
  { also }: { readonly also?: A } = {},
): z.ZodType<V[number] | A[number]> {
  const taken: readonly string[] = [...values, ...(also ?? [])]
  const quoted = values.map((value) => `'${value}'`)
  const expected = [quoted.slice(0, -1).join(', '), ...quoted.slice(-1)].filter(Boolean).join(' or ')
  return leaf({ type: 'string', enum: taken }, (value) =>
    typeof value === 'string' && taken.includes(value)
      ? value
      : new Fault('enum', `Input should be ${expected}`, { expected }),
  )
}

/** A list. If it is too long, it is refused without a look at its items. */
function list<S extends z.ZodType>(item: S, { max }: { readonly max: number }) {
  return z.preprocess(
    (value, ctx) => {
      if (!Array.isArray(value) || value.length <= max) return value
      const actual = value.length
      const msg = `List should have at most ${counted(max, 'item')} after validation, not ${actual}`
      const fault = new Fault('too_long', msg, { field_type: 'List', max_length: max, actual_length: actual })
      ctx.addIssue({ code: 'custom', params: { fault } })
      return value
    },
    z.array(item).meta({ maxItems: max }),
  )
}

/** An object with any content. */
const dict = (): z.ZodType<Readonly<Record<string, unknown>>> =>
  leaf({ type: 'object' }, (value) =>
    isRecord(value) ? value : new Fault('dict_type', 'Input should be a valid dictionary'),
  )

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The JSON Schema of a converting field omits zod's `default`. It has `prefault`, which is parsed like input. */
const withDefault = <S extends z.ZodType>(schema: S, value: z.core.util.NoUndefined<z.output<S>>) =>
  z.prefault(schema, value as z.input<S>)

/**
 * Fields that accept what pydantic accepts and refuse the rest with its error items. Put together with `model` and
 * `list`, they are zod schemas like any other; `parseModel` reads a body with them.
 *
 * A field is required and refuses null unless it is wrapped: `nullable` lets null through, `optional` lets it be
 * missing (undefined), `withDefault` fills it in. As in pydantic, null isn't replaced by a default.
 */
export const field = {
  /** Text of at most `max` code points, without NUL. Numbers aren't text. */
  str,
  /** An integer of 32 bits, or of the given range. `"4"`, `2.0` and `true` are integers, too. */
  int,
  /** A finite number. `"1.5"` and `true` are numbers, too. */
  float,
  /** A boolean, or one of pydantic's words for one (`1`, `on`, `yes`, …), as queries have nothing but text. */
  bool,
  /** ISO 8601 or epoch seconds, read as an instant in UTC. */
  datetime: () => leaf({ type: 'string', format: 'date-time', pattern: DATETIME_PATTERN }, parseDatetime),
  /** An e-mail address, its domain in lower case. */
  email: () => leaf({ type: 'string', format: 'email', maxLength: EMAIL_LENGTH, pattern: EMAIL_PATTERN }, parseEmail),
  /** One of some texts. Texts in `also` are accepted too, but a refusal does not name them. */
  oneOf,
  list,
  dict,
  /** An object with named fields. Others are ignored. */
  model: <S extends z.ZodRawShape>(shape: S) => z.object(shape),
  nullable: <S extends z.ZodType>(schema: S) => z.nullable(schema),
  optional: <S extends z.ZodType>(schema: S) => z.optional(schema),
  /** May be missing or null; in most calls both mean "no change". */
  maybe: <S extends z.ZodType>(schema: S) => z.optional(z.nullable(schema)),
  withDefault,
}

/**
 * Adds a custom validator. It runs when the value is valid so far, and refuses with `Value error, <message>`.
 * `description` is its meaning in JSON Schema (`{ minimum: 1 }`), for the OpenAPI document.
 */
export function check<S extends z.ZodType>(
  schema: S,
  holds: (value: z.output<S>) => boolean,
  message: string,
  description: Description = {},
): S {
  return schema.refine(holds, { params: { fault: valueFault(message) } }).meta(description)
}
