import type { EachResult } from '../../floor/run-each.ts'

/** Why one item of a list was not done, in the format of the contract's lists of errors: "Guest nope not found". */
export function refusalLine(
  { code, message, details }: { readonly code: string; readonly message: string; readonly details: object },
  kind: 'Guest' | 'Table',
  id: string,
): string {
  const named = details as { readonly tableId?: string; readonly partyId?: string }
  switch (code) {
    case 'guest-not-found':
    case 'table-not-found':
      return `${kind} ${id} not found`
    case 'unknown-table':
      return `Table ${named.tableId} not found`
    case 'unknown-party':
      return `Guest ${named.partyId} not found`
    default:
      return `${kind} ${id}: ${message}`
  }
}

/** The lines of one result of a list: none on success. A text is already a line. */
export function linesOf(result: EachResult | string, kind: 'Guest' | 'Table', id: string): string[] {
  if (typeof result === 'string') return [result]
  return result.ok ? [] : [refusalLine(result, kind, id)]
}
