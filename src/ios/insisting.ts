/** The app may take any table: it shows its own warnings, and relies on taking a table from another party. */
export const INSISTING = { takeOver: true, force: true } as const
