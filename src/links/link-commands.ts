import { makeGuestLink } from './make-guest-link.ts'
import { revokeGuestLink } from './revoke-guest-link.ts'

/** Every command of guest links. Devices are not told of them. */
export const linkCommands = [makeGuestLink, revokeGuestLink] as const
