export { type FastifySaleRoutes, saleRoutes } from './http/fastify.js'
