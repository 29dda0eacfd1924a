// The driver's internal modules that trip.ts uses. The driver is pinned exactly.
declare module 'pg/lib/utils' {
  const utils: { prepareValue(value: unknown): string | Buffer | null }
  export default utils
}
