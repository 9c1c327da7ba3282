import ts from 'typescript'
import type { Change } from './mutant.js'
import { neighbours, opposites, typescriptOperators } from './operators.js'

/**
 * The same changes for TypeScript. Stryker would bring them too, but its current release wants Node 22, and it would be a
 * second runner, a second report and a second list of explanations beside those that the scripts need anyway.
 */
export function typescriptChanges(text: string): Change[] {
  const source = ts.createSourceFile('source.ts', text, ts.ScriptTarget.ES2023, true)
  const changes: Change[] = []
  const visit = (node: ts.Node): void => {
    // What is said in types and messages is no behaviour.
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return
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
    return swaps.map((swap) => into(operatorToken, swap.into, swap.kind))
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

/** A comparison and a `!` are turned round by themselves. */
function isTurnedAnyway(condition: ts.Expression): boolean {
  if (ts.isPrefixUnaryExpression(condition)) return condition.operator === ts.SyntaxKind.ExclamationToken
  if (!ts.isBinaryExpression(condition)) return false
  return /^([<>]=?|[!=]==)$/.test(condition.operatorToken.getText())
}

/** A text cannot be subtracted; where one side is a text, `+` joins. */
function joinsText({ left, right, operatorToken }: ts.BinaryExpression): boolean {
  if (operatorToken.kind !== ts.SyntaxKind.PlusToken) return false
  return [left, right].some((side) => ts.isStringLiteralLike(side) || ts.isTemplateExpression(side))
}

/** Without it a class that extends another cannot be made. */
function isSuper(expression: ts.Expression): boolean {
  return ts.isCallExpression(expression) && expression.expression.kind === ts.SyntaxKind.SuperKeyword
}
