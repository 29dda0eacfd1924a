/** A new UUID, lower case, from the platform's own randomness (browsers: pages served over https or from localhost). */
export const newId = (): string => globalThis.crypto.randomUUID()
