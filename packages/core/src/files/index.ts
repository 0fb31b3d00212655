export type { FileEngine } from './engine.js'
export type { HttpSession } from './http-session.js'
export type { CopyRequest, FileSource, SelectionDigest, SelectionDigests } from './request.js'
