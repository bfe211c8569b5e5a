import { ApiKey } from './api-keys/api-key.entity.js';
import { BotQuery } from './bot-queries/bot-query.entity.js';
import { Bot } from './bots/bot.entity.js';
import { DocumentChunk } from './chunks/chunk.entity.js';
import { Document } from './documents/document.entity.js';
import { Tenant } from './tenants/tenant.entity.js';
import { User } from './users/user.entity.js';

/** Every table of Weaver. */
export const ENTITIES = [Tenant, User, Bot, Document, DocumentChunk, ApiKey, BotQuery];
