/** What an Authorization header holds (RFC 6750 section 2.1): a token, nothing, or another scheme. */
export type Bearer =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'other-scheme' }

/** Reads an Authorization header. The scheme's name has no case. */
export function bearerOf(header: string | undefined): Bearer {
  const [scheme = '', ...rest] = (header ?? '').trim().split(' ')
  const token = rest.join(' ').trim()
  if (scheme === '' || token === '') return { kind: 'missing' }
  return scheme.toLowerCase() === 'bearer' ? { kind: 'token', token } : { kind: 'other-scheme' }
}
