import { domainToASCII, domainToUnicode } from 'node:url'
import { codePoints, Fault } from './fault.ts'

const LONGEST = 254
const LONGEST_LOCAL = 64
const LONGEST_LABEL = 63
/** pydantic does not parse longer texts. */
const LONGEST_INPUT = 2048

const ATEXT = "a-zA-Z0-9!#$%&'*+/=?^_`{|}~\\-"
const NOT_LOCAL = new RegExp(`[^.${ATEXT}\\u{80}-\\u{10ffff}]`, 'gu')
const NOT_DOMAIN = /[^a-zA-Z0-9\-.\u{80}-\u{10ffff}]/gu
/** Everything but letters, marks, numbers, punctuation and symbols: spaces, controls, lone surrogates, unassigned. */
const UNSAFE = /[\p{C}\p{Z}]/gu
/** Characters that IDNA 2008 forbids in a label and `domainToASCII` accepts: mostly symbols. */
const NOT_IDNA = /[^\p{L}\p{M}\p{N}\-.\u00b7\u0375\u05f3\u05f4\u30fb]/u
const PRETTY = /^(?:[^<>"]*|\s*"[^"]*"\s*)<([^<>]+)>\s*$/

/** The longest possible address, in bytes. */
export const EMAIL_LENGTH = LONGEST

/**
 * The accepted addresses that the OpenAPI document promises: plain ASCII ones. International ones are accepted too.
 */
export const EMAIL_PATTERN = (() => {
  const atom = (max: number): string => `[${ATEXT}]{1,${max}}`
  const local = `(?:${atom(64)}|${atom(31)}\\.${atom(32)}|${atom(15)}(?:\\.${atom(15)}){2,3})`
  return `^${local}@(?:[A-Za-z0-9](?:[A-Za-z0-9\\-]{0,61}[A-Za-z0-9])?\\.)+[A-Za-z]{2,63}$`
})()

/**
 * An e-mail address as pydantic and email-validator read it, with the domain in lower case. Two differences:
 * special-use domains (`.test`, `.local`) are ordinary addresses, and the case of the local part is kept (`Info@`).
 */
export function parseEmail(value: unknown): string | Fault {
  if (typeof value !== 'string') return new Fault('string_type', 'Input should be a valid string')
  if (value.length > LONGEST_INPUT) return fault(`Length must not exceed ${LONGEST_INPUT} characters`)
  const address = (PRETTY.exec(value)?.[1] ?? value).trim()
  if (/^"(?:[^"\\]|\\.)*"@/.test(address)) return fault('Quoting the part before the @-sign is not allowed here.')
  const [local, domain, more] = address.split('@')
  if (local === undefined || domain === undefined || more !== undefined) {
    return fault('The email address is not valid. It must have exactly one @-sign.')
  }
  const reason = localFault(local) ?? domainFault(domain)
  if (reason !== undefined) return fault(reason)
  const ascii = toAscii(domain)
  const normalized = `${local.normalize('NFC')}@${readable(ascii)}`
  const tooLong = lengthFault(normalized, isAscii(local) ? `${local}@${ascii}` : undefined)
  return tooLong === undefined ? normalized : fault(tooLong)
}

const fault = (reason: string): Fault =>
  new Fault('value_error', `value is not a valid email address: ${reason}`, { reason }, false)

const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text)

/** The domain in lower-case ASCII; empty when it has none. ASCII is not mapped: `1.2` would become an IP address. */
const toAscii = (domain: string): string => (isAscii(domain) ? domain.toLowerCase() : domainToASCII(domain))

/** The domain in the letters of its language; in ASCII when the decoded text is not a valid name. */
function readable(ascii: string): string {
  const name = ascii.includes('xn--') ? domainToUnicode(ascii) : ascii
  return name === '' || NOT_IDNA.test(name) ? ascii : name
}

function localFault(local: string): string | undefined {
  if (local === '') return 'There must be something before the @-sign.'
  const excess = codePoints(local) - LONGEST_LOCAL
  if (excess > 0) return `The email address is too long before the @-sign ${tooMany(excess)}.`
  const invalid = shown(local.match(NOT_LOCAL))
  if (invalid !== undefined) return `The email address contains invalid characters before the @-sign: ${invalid}.`
  const ends = 'An email address cannot have a period immediately before the @-sign.'
  const dots = dotFault(local, 'An email address cannot start with a period.', ends)
  return dots ?? unsafeFault(local.normalize('NFC'))
}

function domainFault(domain: string): string | undefined {
  if (domain === '') return 'There must be something after the @-sign.'
  if (/^\[.*\]$/.test(domain)) return 'A bracketed IP address after the @-sign is not allowed here.'
  const invalid = shown(domain.match(NOT_DOMAIN))
  if (invalid !== undefined) return `The part after the @-sign contains invalid characters: ${invalid}.`
  const mapped = domain.normalize('NFKC').replaceAll('\u3002', '.')
  const starts = 'An email address cannot have a period immediately after the @-sign.'
  const dots = dotFault(mapped, starts, 'An email address cannot end with a period.')
  const form = unsafeFault(domain) ?? dots ?? hyphenFault(mapped)
  if (form !== undefined) return form
  const ascii = toAscii(domain)
  const forbidden = NOT_IDNA.exec(mapped)?.[0]
  if (ascii === '' || forbidden !== undefined) {
    const which = forbidden === undefined ? '' : ` (Codepoint ${codePointName(forbidden)} not allowed)`
    return `The part after the @-sign contains invalid characters${which}.`
  }
  return labelFault(ascii)
}

function labelFault(ascii: string): string | undefined {
  const excess = Math.max(...ascii.split('.').map((label) => label.length)) - LONGEST_LABEL
  if (excess > 0) return `After the @-sign, periods cannot be separated by so many characters ${tooMany(excess)}.`
  if (!ascii.includes('.')) return 'The part after the @-sign is not valid. It should have a period.'
  if (!/[a-z]$/.test(ascii)) {
    return 'The part after the @-sign is not valid. It is not within a valid top-level domain.'
  }
  return undefined
}

function dotFault(part: string, starts: string, ends: string): string | undefined {
  if (part.endsWith('.')) return ends
  if (part.startsWith('.')) return starts
  return part.includes('..') ? 'An email address cannot have two periods in a row.' : undefined
}

function hyphenFault(domain: string): string | undefined {
  if (domain.endsWith('-')) return 'An email address cannot end with a hyphen.'
  if (domain.startsWith('-')) return 'An email address cannot have a hyphen immediately after the @-sign.'
  if (!/\.-|-\./.test(domain)) return undefined
  return 'An email address cannot have a period and a hyphen next to each other.'
}

function unsafeFault(part: string): string | undefined {
  const mark = /^\p{M}/u.exec(part)?.[0]
  const found = shown([...(mark === undefined ? [] : [mark]), ...(part.match(UNSAFE) ?? [])])
  return found === undefined ? undefined : `The email address contains unsafe characters: ${found}.`
}

function lengthFault(normalized: string, ascii: string | undefined): string | undefined {
  const excess = codePoints(normalized) - LONGEST
  const inAscii = (ascii?.length ?? 0) > LONGEST
  if (!inAscii && Buffer.byteLength(normalized) <= LONGEST) return undefined
  const which = inAscii ? '(when converted to IDNA ASCII)' : '(when encoded in bytes)'
  const reason = excess > 0 ? tooMany(excess, normalized === ascii ? '' : 'at least ') : which
  return `The email address is too long ${reason}.`
}

const tooMany = (excess: number, prefix = ''): string =>
  `(${prefix}${excess} character${excess > 1 ? 's' : ''} too many)`

/** Offending characters for a message, or undefined when there are none. */
function shown(characters: readonly string[] | null): string | undefined {
  if (characters === null || characters.length === 0) return undefined
  return [...new Set(characters.map(display))].toSorted().join(', ')
}

function display(character: string): string {
  if (character === ' ') return 'SPACE'
  if (!/[\p{L}\p{N}\p{P}\p{S}]/u.test(character)) return codePointName(character)
  return character === '\\' || character === "'" ? `"${character}"` : `'${character}'`
}

const codePointName = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
