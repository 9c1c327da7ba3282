/**
 * The few things of a browser that the charts use. TypeScript's own DOM library would be there for
 * the entire project, and let code that runs in Node refer to a `window`.
 */
export interface PageElement {
  textContent: string | null
  readonly clientWidth: number
  readonly nextElementSibling: PageElement | null
  querySelectorAll(selector: string): Iterable<PageElement>
  closest(selector: string): PageElement | null
}

interface Path {
  readonly brand: 'Path2D'
}

export interface Canvas {
  fillStyle: string
  strokeStyle: string
  lineWidth: number
  font: string
  textAlign: string
  textBaseline: string
  save(): void
  restore(): void
  translate(x: number, y: number): void
  scale(x: number, y: number): void
  beginPath(): void
  moveTo(x: number, y: number): void
  lineTo(x: number, y: number): void
  setLineDash(dash: readonly number[]): void
  stroke(path?: Path): void
  fill(path: Path): void
  fillText(text: string, x: number, y: number): void
  measureText(text: string): { readonly width: number }
}

interface Browser {
  readonly document: PageElement & { readonly documentElement: PageElement }
  readonly devicePixelRatio: number
  readonly Path2D: new (path: string) => Path
  readonly ResizeObserver: new (listener: () => void) => { observe(element: PageElement): void }
  getComputedStyle(element: PageElement): { getPropertyValue(name: string): string }
  matchMedia(query: string): { addEventListener(type: 'change', listener: () => void): void }
}

export const browser = globalThis as unknown as Browser
