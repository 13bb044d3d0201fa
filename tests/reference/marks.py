"""Which tokens of chats transformers takes for those of the assistant.

A job is {"folder", "template", "chats"}: a tokenizer's folder, a chat template with {% generation %}, lists of messages.
"""
import json
import sys

from transformers import PreTrainedTokenizerFast


def run(job):
    tokenizer = PreTrainedTokenizerFast.from_pretrained(job["folder"])
    made = []
    for chat in job["chats"]:
        encoded = tokenizer.apply_chat_template(
            chat,
            chat_template=job["template"],
            tokenize=True,
            return_dict=True,
            return_assistant_tokens_mask=True,
        )
        made.append([encoded["input_ids"], encoded["assistant_masks"]])
    return made


print(json.dumps([run(job) for job in json.load(open(sys.argv[1], encoding="utf-8"))]))
