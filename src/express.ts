export { type ExpressSaleRoutes, saleRoutes } from './http/express.js'
