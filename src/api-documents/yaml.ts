const PLAIN = /^[A-Za-z][\w/-]*(?: [\w/-]+)*$/
// Texts that YAML would read as another type.
const WORDS = /^(?:true|false|null|yes|no|on|off|y|n)$/i

/**
 * JSON as readable YAML: block style, texts in double quotes unless they are plain words. Undefined properties are
 * left out.
 */
export function yaml(value: unknown): string {
  return `${lines(value).join('\n')}\n`
}

function lines(value: unknown): string[] {
  if (Array.isArray(value) && value.length > 0) {
    return value.flatMap((each: unknown) => lines(each).map((line, i) => (i === 0 ? `- ${line}` : `  ${line}`)))
  }
  const members = typeof value === 'object' && value !== null ? Object.entries(value) : []
  if (Array.isArray(value) || members.length === 0) return [scalar(value)]
  return members.flatMap(([key, member]) => {
    if (member === undefined) return []
    const isBlock = typeof member === 'object' && member !== null && Object.keys(member).length > 0
    return isBlock
      ? [`${scalar(key)}:`, ...lines(member).map((line) => `  ${line}`)]
      : [`${scalar(key)}: ${scalar(member)}`]
  })
}

const scalar = (value: unknown): string =>
  typeof value === 'string' && PLAIN.test(value) && !WORDS.test(value) ? value : JSON.stringify(value)
