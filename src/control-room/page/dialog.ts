import type { Recovered } from '../../operations/results.js'
import type { View } from '../view.js'
import { h, morph } from './dom.js'
import type { Field, Form } from './operations.js'
import { outcomeBlock } from './outcomes.js'
import { isRecovered, recoveredBlock } from './recovered.js'
import { recoveryBlock } from './recovery.js'

const dialog = document.querySelector<HTMLDialogElement>('#dialog')!

/** The recovery that the open dialog waits for. */
let awaited: { readonly target: string; readonly progress: HTMLElement } | undefined

/** Shows in the open dialog how far its recovery has come. */
export function tellDialog({ sales }: View): void {
  if (!awaited) return
  const { target, progress } = awaited
  const recovery = sales.find(({ id }) => `sale:${id}` === target)?.recovery
  const isUnderWay = recovery?.state === 'waiting' || recovery?.state === 'resuming'
  morph(progress, h('div', {}, isUnderWay && recoveryBlock(recovery, target)))
}

/** Asks for what an operation needs, and for the reason; then shows what came of it. */
export function openDialog(form: Form, target: string): void {
  const key = form.isKeyed ? { key: randomKey() } : {}
  const fields = form.fields.map((field) => ({ field, input: inputOf(field) }))
  const reason = h('input', { name: 'reason', required: true, maxlength: 200, autocomplete: 'off' })
  const outcome = h('div', { class: 'outcome', role: 'status' })
  const progress = h('div')
  const submit = h('button', { type: 'submit', class: form.isFinal ? 'final' : 'primary' }, form.label)
  const cancel = h('button', { type: 'button' }, 'Cancel')
  const body = h(
    'form',
    { method: 'dialog' },
    h('h2', { id: 'dialog-title' }, `${form.label}: `, h('span', { class: 'id' }, target)),
    h('p', {}, form.explains),
    form.isFinal && h('p', { class: 'warning' }, '▲ This cannot be undone.'),
    fields.map(({ field, input }) => labelled(field, input)),
    !form.isQuestion && h('label', {}, h('span', {}, 'Reason'), reason, hint('Stands in the operations log')),
    outcome,
    progress,
    h('div', { class: 'buttons' }, submit, cancel),
  )
  cancel.addEventListener('click', () => dialog.close())
  body.addEventListener('submit', async (event) => {
    event.preventDefault()
    submit.disabled = true
    const show = (view: Node | string) => morph(outcome, h('div', { class: 'outcome', role: 'status' }, view))
    show('Under way…')
    if (form.operation === 'recover') awaited = { target, progress }
    const values = valuesOf(fields)
    const args = form.argumentsOf?.(values) ?? values
    const request = {
      ...{ operation: form.operation, target, arguments: { ...args, ...form.fixed, ...key } },
      ...(form.isQuestion ? {} : { reason: reason.value }),
    }
    const { isDone, view } = await ask(request, (answer, asked) =>
      form.operation === 'recover' ? recovered(answer, asked) : done(answer, asked, form),
    )
    if (awaited?.progress === progress) awaited = undefined
    progress.replaceChildren()
    show(view)
    cancel.textContent = 'Close'
    // The same key does nothing twice, so that a failed request can be sent again.
    submit.disabled = isDone && !form.isQuestion
    if (isDone && !form.isQuestion) cancel.focus()
  })
  dialog.replaceChildren(body)
  dialog.showModal()
}

interface Outcome {
  readonly isDone: boolean
  readonly view: Node
}

interface Request {
  readonly operation: string
  readonly target: string
  readonly arguments: object
}

/** @param outcomeOf What an answer says. */
async function ask(
  request: Request,
  outcomeOf: (answer: never, request: Request) => Outcome,
): Promise<Outcome> {
  try {
    const response = await fetch('operations', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'stockhold-control-room': '1' },
      body: JSON.stringify(request),
    })
    const answer = await response.json()
    if (response.ok) return outcomeOf(answer as never, request)
    const text = `${answer.title}${answer.detail ? ` ${answer.detail}` : ''}`
    return { isDone: false, view: failed(answer.code ?? String(response.status), text) }
  } catch {
    const text = 'The answer was lost. The operations log says whether the operation was carried out.'
    return { isDone: false, view: failed('no answer', text) }
  }
}

function failed(code: string, text: string): Node {
  return h('p', { class: 'failed' }, h('strong', {}, `✖ ${code}`), ` ${text}`)
}

function done(
  answer: { readonly result?: unknown; readonly logged?: boolean },
  request: Request,
  form: Form,
): Outcome {
  const { result = answer } = answer
  const told =
    outcomeBlock(form, request, result) ?? h('pre', { tabindex: 0 }, JSON.stringify(result, null, 2))
  return { isDone: true, view: h('div', {}, doneLine(answer), told) }
}

/** A sale that is not recovered yet can be recovered again by the same dialog. */
function recovered(answer: Recovered, { arguments: asked }: Request): Outcome {
  const isDone = isRecovered(answer)
  const line = isDone
    ? doneLine(answer)
    : h('p', { class: 'failed' }, h('strong', {}, '✖ The sale is not recovered yet.'), unlogged(answer))
  return { isDone, view: h('div', {}, line, recoveredBlock(answer, asked)) }
}

function doneLine(answer: { readonly logged?: boolean }): Node {
  return h('p', { class: 'done' }, h('strong', {}, '✓ Done.'), unlogged(answer))
}

const unlogged = ({ logged }: { readonly logged?: boolean }) =>
  logged === false && ' It could not be written to the operations log.'

function labelled(field: Field, input: HTMLElement): Node {
  if (field.kind === 'check') return h('label', { class: 'check' }, input, h('span', {}, field.label))
  return h('label', {}, h('span', {}, field.label), input, field.hint && hint(field.hint))
}

function hint(text: string): Node {
  return h('small', {}, text)
}

function inputOf({ name, kind, choices, isOptional, value }: Field): HTMLInputElement | HTMLSelectElement {
  if (kind === 'choice')
    return h(
      'select',
      { name },
      choices!.map(([value, label]) => h('option', { value }, label)),
    )
  const type = {
    text: 'text',
    whole: 'number',
    number: 'number',
    check: 'checkbox',
    moment: 'datetime-local',
  }
  return h('input', {
    ...{ name, value, type: type[kind], autocomplete: 'off' },
    required: !isOptional && kind !== 'check',
    step: kind === 'number' ? 'any' : kind === 'moment' ? 1 : null,
  })
}

function valuesOf(
  fields: readonly { readonly field: Field; readonly input: HTMLInputElement | HTMLSelectElement }[],
): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const { field, input } of fields) {
    if (field.kind === 'check') values[field.name] = (input as HTMLInputElement).checked
    else if (input.value === '' && field.isOptional) continue
    else if (field.kind === 'whole' || field.kind === 'number') values[field.name] = Number(input.value)
    else if (field.kind === 'moment') values[field.name] = new Date(input.value).getTime()
    else values[field.name] = input.value
  }
  return values
}

/** Over plain HTTP there is no `crypto.randomUUID`. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return `control-room-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
