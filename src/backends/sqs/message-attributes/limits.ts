/**
 * The limits of SQS: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
 */

/** For one message with its attributes, and for all messages of one batch, in bytes. */
export const MAX_MESSAGE_BYTES = 1_048_576;
export const MAX_ATTRIBUTES = 10;
export const MAX_DELAY_SECONDS = 900;
/** For a message group id and a deduplication id, in characters. */
const MAX_ID_LENGTH = 128;

const TEXT = /^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]*$/u;
const ID = /^[\x21-\x7e]+$/;
const ATTRIBUTE_NAME = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;
const DATA_TYPE = /^(?:String|Number|Binary)(?:\.[^\s.][^\s]*)?$/;

/**
 * The characters that SQS takes in a body or a string attribute: those of XML, so no other control character and no
 * lone surrogate.
 */
export function isText(text: string): boolean {
  return TEXT.test(text);
}

/** Group and deduplication ids: letters, digits and punctuation of ASCII. */
export function isId(text: string): boolean {
  return text.length <= MAX_ID_LENGTH && ID.test(text);
}

/** The SDK's own objects lose `__proto__`. */
export function isAttributeName(name: string): boolean {
  return name !== '__proto__' && name.length <= 256 && ATTRIBUTE_NAME.test(name) && !/^(?:aws|amazon)\./i.test(name);
}

export function isDataType(type: string): boolean {
  return type.length <= 256 && DATA_TYPE.test(type);
}
