import ts from 'typescript'
import type { Change } from './mutant.js'
import { neighbours, opposites, typescriptOperators } from './operators.js'

/**
 * The same changes for TypeScript. Stryker has them too, but its current release needs Node 22, and
 * it would be a second runner, a second report and a second list of explanations beside those that
 * the Lua scripts need anyway.
 */
export function typescriptChanges(text: string): Change[] {
  const source = ts.createSourceFile('source.ts', text, ts.ScriptTarget.ES2023, true)
  const changes: Change[] = []
  const visit = (node: ts.Node): void => {
    // Types and messages are no behaviour.
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return
    if (ts.isVariableDeclaration(node) && isTuning(node.name)) return
    changes.push(...changesOf(node, source))
    ts.forEachChild(node, visit)
  }
  visit(source)
  return changes
}

function changesOf(node: ts.Node, source: ts.SourceFile): Change[] {
  const into = (at: ts.Node, replacement: string, kind: string): Change => ({
    start: at.getStart(source),
    end: at.getEnd(),
    replacement,
    kind,
  })
  const negated = (condition: ts.Expression): Change[] =>
    isTurnedAnyway(condition) ? [] : [into(condition, `!(${condition.getText(source)})`, 'condition')]
  if (ts.isBinaryExpression(node)) {
    const { operatorToken } = node
    if (joinsText(node)) return []
    if (operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken)
      return [
        into(node, node.left.getText(source), 'no default'),
        into(node, node.right.getText(source), 'default'),
      ]
    const swaps = typescriptOperators[operatorToken.getText(source)] ?? []
    const isTuned = [node.left, node.right].some(
      (side) => ts.isPropertyAccessExpression(side) && isTuning(side.expression),
    )
    return swaps
      .filter(({ kind }) => !(isTuned && kind === 'boundary'))
      .map((swap) => into(operatorToken, swap.into, swap.kind))
  }
  if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) return unary(node, source)
  if (ts.isNumericLiteral(node))
    return neighbours(node.getText(source)).map(({ into: text, kind }) => into(node, text, kind))
  if (node.kind === ts.SyntaxKind.TrueKeyword || node.kind === ts.SyntaxKind.FalseKeyword)
    return [into(node, opposites[node.getText(source)]!, 'opposite')]
  if (ts.isPropertyAccessExpression(node) && node.expression.getText(source) === 'Math') {
    const opposite = opposites[node.name.text]
    return opposite === undefined ? [] : [into(node.name, opposite, 'opposite')]
  }
  if (ts.isIfStatement(node)) return negated(node.expression)
  if (ts.isWhileStatement(node)) return negated(node.expression)
  if (ts.isConditionalExpression(node)) return negated(node.condition)
  if (ts.isExpressionStatement(node) && !isSuper(node.expression)) return [into(node, ';', 'statement')]
  return []
}

/**
 * Tuning constants (pauses, sizes of batches) are in an object of this name beside their use. They
 * change how fast an answer comes and not which, so they are not changed. Neither is the case of
 * equality in a comparison with one of them, which would be the same as another constant.
 */
function isTuning(node: ts.Node): boolean {
  return ts.isIdentifier(node) && node.text === 'tuning'
}

function unary(node: ts.PrefixUnaryExpression | ts.PostfixUnaryExpression, source: ts.SourceFile): Change[] {
  const prefix = ts.isPrefixUnaryExpression(node)
  const start = prefix ? node.getStart(source) : node.operand.getEnd()
  const end = prefix ? node.operand.getStart(source) : node.getEnd()
  const change = (replacement: string, kind: string): Change => ({ start, end, replacement, kind })
  switch (node.operator) {
    case ts.SyntaxKind.ExclamationToken:
      return [change('', 'not')]
    case ts.SyntaxKind.MinusToken:
      return [change('', 'sign')]
    case ts.SyntaxKind.PlusPlusToken:
      return [change('--', 'operator')]
    case ts.SyntaxKind.MinusMinusToken:
      return [change('++', 'operator')]
    default:
      return []
  }
}

/** A comparison and a `!` have their own negation. */
function isTurnedAnyway(condition: ts.Expression): boolean {
  if (ts.isPrefixUnaryExpression(condition)) return condition.operator === ts.SyntaxKind.ExclamationToken
  if (!ts.isBinaryExpression(condition)) return false
  return /^([<>]=?|[!=]==)$/.test(condition.operatorToken.getText())
}

/** `+` with a string on one side joins, and has no `-`. */
function joinsText({ left, right, operatorToken }: ts.BinaryExpression): boolean {
  if (operatorToken.kind !== ts.SyntaxKind.PlusToken) return false
  return [left, right].some((side) => ts.isStringLiteralLike(side) || ts.isTemplateExpression(side))
}

/** A subclass cannot be constructed without it. */
function isSuper(expression: ts.Expression): boolean {
  return ts.isCallExpression(expression) && expression.expression.kind === ts.SyntaxKind.SuperKeyword
}
