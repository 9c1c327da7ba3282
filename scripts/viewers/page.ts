import type { Told } from '../../src/control-room/view.js'

/** A page that is open. */
export class Page {
  /** How old the figures were that it showed when the next ones came. ms */
  readonly ages: number[] = []

  static async open(url: string): Promise<Page> {
    const page = new Page()
    const { body } = await fetch(url)
    const lines = body!.pipeThrough(new TextDecoderStream())
    // It ends when the control room is closed.
    page.#listen(lines).catch(() => {})
    return page
  }

  async #listen(texts: ReadableStream<string>): Promise<void> {
    let [text, shownAt] = ['', Number.NaN]
    for await (const part of texts) {
      const messages = (text + part).split('\n\n')
      text = messages.pop()!
      for (const message of messages) {
        const [, data] = /^data: (.*)$/m.exec(message) ?? []
        const { viewAt } = data ? (JSON.parse(data) as Told) : { viewAt: null }
        if (!Number.isNaN(shownAt)) this.ages.push(Date.now() - shownAt)
        if (viewAt !== null) shownAt = viewAt
      }
    }
  }
}
