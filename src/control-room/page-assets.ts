/** The script and the style of the page as texts: the build puts them in place of this name. */
declare const CONTROL_ROOM_PAGE: { readonly script: string; readonly style: string }

export const { script: SCRIPT, style: STYLE } = CONTROL_ROOM_PAGE
