import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin'

/**
 * What no test should pin, so that it makes no mutants. JavaScript, not TypeScript: Stryker's worker processes load this file too, by Node alone.
 */

const ERRORS = new Set(['Error', 'TypeError', 'RangeError', 'SyntaxError', 'AppError', 'ClientError'])
const LEVELS = new Set(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
const PROSE = new Set(['summary', 'description', 'title'])

const isText = (node) => node.type === 'StringLiteral' || node.type === 'TemplateLiteral'
const isProse = (text) => text.type === 'TemplateLiteral' || /\s/.test(text.value)

/** `log.warn(…)`, `this.#log.error(…)`: an object whose name ends in "log". */
function isLogCall({ callee }) {
  if (callee?.type !== 'MemberExpression' || !LEVELS.has(callee.property.name)) return false
  const { object } = callee
  const name = object.name ?? object.property?.name ?? object.property?.id?.name ?? ''
  return /log$/i.test(name)
}

/** @returns {string | undefined} why the node is left as it is */
function reasonToIgnore({ node, parent }) {
  if (node.type === 'CallExpression' && isLogCall(node)) return 'what a log says is for people'
  if (!isText(node) || !parent) return undefined
  if (parent.type === 'NewExpression' && ERRORS.has(parent.callee.name) && isProse(node))
    return "an error's text is for people; its code and status are tested"
  // The refusals of the rules become errors.
  if ((parent.type === 'VariableDeclarator' ? parent.id : parent.key)?.name === 'message' && isProse(node))
    return "an error's text is for people; its code and status are tested"
  if (parent.type === 'ObjectProperty' && parent.value === node && PROSE.has(parent.key.name))
    return 'texts of documents are for people'
  if (parent.type === 'CallExpression' && parent.callee.property?.name === 'describe')
    return 'texts of documents are for people'
  return undefined
}

export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'prose', { shouldIgnore: (path) => reasonToIgnore(path) }),
]
