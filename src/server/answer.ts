import { answer, type Answer } from "../http/answer.ts";

/** 200 with text. The original serves JSON under this type too, because it lets its library guess. */
export function textAnswer(body: string): Answer {
  return answer(200, "text/plain; charset=utf-8", body);
}
