import { z } from 'zod';
import { EXTRACTION_SETTINGS, toExtractionLimits } from '../../src/config/extraction-limits.js';

/** The limits of a gateway whose environment says nothing of files. */
export const EXTRACTION_LIMITS = toExtractionLimits(z.object(EXTRACTION_SETTINGS).parse({}));
