"""The generation engine: turns requests into images. It knows no Django."""

import logging

#: What libraries say of every pipeline, and of which nobody has to do anything: the preparation of
#: photographs is not used, and weights of LoRA of which none fits are refused (loading.py).
NEEDLESS = {
    "transformers.utils.import_utils": "requires torchvision (not installed); falling back to",
    "diffusers.loaders.peft": "No LoRA keys associated to",
    "diffusers.loaders.lora_base": "No LoRA keys associated to",
}


def _has_to_be_said(record: logging.LogRecord) -> bool:
    return NEEDLESS[record.name] not in record.getMessage()


for _name in NEEDLESS:  # before the libraries are imported, which say it then
    logging.getLogger(_name).addFilter(_has_to_be_said)
