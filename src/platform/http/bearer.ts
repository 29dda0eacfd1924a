/** The content of an Authorization header (RFC 6750 section 2.1): a token, nothing, or another scheme. */
export type Bearer =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'other-scheme' }

/** Parses an Authorization header. The scheme is case-insensitive. */
export function bearerOf(header: string | undefined): Bearer {
  const [scheme = '', ...rest] = (header ?? '').trim().split(' ')
  const token = rest.join(' ').trim()
  if (scheme === '' || token === '') return { kind: 'missing' }
  return scheme.toLowerCase() === 'bearer' ? { kind: 'token', token } : { kind: 'other-scheme' }
}

/** The token of an Authorization header: null where it has none, and '' for another scheme, which no token equals. */
export function sentToken(header: string | undefined): string | null {
  const bearer = bearerOf(header)
  if (bearer.kind === 'missing') return null
  return bearer.kind === 'token' ? bearer.token : ''
}
