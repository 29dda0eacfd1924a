import { limits } from '../platform/limits.ts'

/** What people are joined by: a phone number or an e-mail address, written one way. */

/** Where a person can be reached. */
export interface Contact {
  readonly phone: string | null
  readonly email: string | null
}

/**
 * The digits of a phone number, as in E.164 where it names its country (`+49 30 …`, `0049 30 …`); otherwise as it was
 * dialled, since the restaurant's country may be unknown. Null where there are too few or too many to be a number.
 */
export function phoneDigits(phone: string | null): string | null {
  if (phone === null) return null
  const plain = phone.normalize('NFKC').trim()
  const digits = plain.replace(/\(0\)/g, '').replace(/\D/g, '')
  const isInternational = plain.startsWith('+')
  const number = !isInternational && digits.startsWith('00') ? digits.slice(2) : digits
  return number.length >= limits.phoneDigits.min && number.length <= limits.phoneDigits.max ? number : null
}

/** The key of a phone number. One that names its country never equals one that does not. */
export function phoneKey(phone: string | null): string | null {
  const digits = phoneDigits(phone)
  if (digits === null) return null
  const isInternational = /^(\+|00)/.test(phone!.normalize('NFKC').trim())
  return `tel:${isInternational ? '+' : ''}${digits}`
}

/** The key of an e-mail address: in lower case, as accounts are compared. Null for what is none. */
export function emailKey(email: string | null): string | null {
  const plain = email?.trim().toLowerCase() ?? ''
  return /^[^\s@]+@[^\s@]+$/.test(plain) ? `mailto:${plain}` : null
}

/** The keys of a contact, the phone's first. */
export const keysOf = ({ phone, email }: Contact): string[] =>
  [phoneKey(phone), emailKey(email)].filter((key) => key !== null)
