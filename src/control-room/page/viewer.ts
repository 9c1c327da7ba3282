const { role, name } = document.documentElement.dataset

/** Who looks at the page, as the server has said. It refuses what the viewer may not do. */
export const viewer = { name: name ?? '', mayOperate: role === 'operate' }
