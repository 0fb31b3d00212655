export type { FileEngine } from './engine.js'
export type { HttpSession } from './http-session.js'
export type { CopyRequest, FileSource } from './request.js'
