#!/usr/bin/env python3
"""The Python peer on a GPU: TRL's SFTTrainer on a checkpoint and packed shards.

Prints a JSON object a line: each synchronized stamp, each log, and at the end the share of the time
that it waited for data, and the versions. Takes one JSON object: see `compare`.
"""

import glob
import json
import sys
import time

sys.modules["wandb"] = None  # imported by TRL where it is installed; no part of this

import datasets
import peft
import torch
import transformers
import trl


def tell(**values):
    print(json.dumps({**values, "time": time.time()}), flush=True)


class Stamps(transformers.TrainerCallback):
    def __init__(self, window):
        self.window = window

    def on_step_end(self, args, state, control, **_):
        if state.global_step == 1 or state.global_step % self.window == 0:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            tell(step=state.global_step)

    def on_log(self, args, state, control, logs, **_):
        if "loss" in logs:
            tell(step=state.global_step, loss=logs["loss"])


class Trainer(trl.SFTTrainer):
    waited = 0.0

    def get_batch_samples(self, *args, **kwargs):
        begin = time.monotonic()
        try:
            return super().get_batch_samples(*args, **kwargs)
        finally:
            self.waited += time.monotonic() - begin


def loaded(row):
    """The model, what is trained of it marked, and its adapters."""
    quantized = None
    if row.get("bits"):
        quantized = transformers.BitsAndBytesConfig(
            load_in_4bit=row["bits"] == 4,
            load_in_8bit=row["bits"] == 8,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
    where = 0 if torch.cuda.is_available() else "cpu"
    model = transformers.AutoModelForCausalLM.from_pretrained(
        row["model_path"],
        dtype=row["dtype"],
        device_map={"": where},
        quantization_config=quantized,
    )
    if row["trained"] == "last":
        model.requires_grad_(False)
        for part in (model.lm_head, model.model.layers[-row["layers"] :]):
            part.requires_grad_(True)
    lora = None
    if row["trained"] == "lora":
        lora = peft.LoraConfig(
            r=64,
            lora_alpha=16,
            lora_dropout=row["dropout"],
            target_modules=["q_proj", "k_proj", "v_proj", "o_proj"],
            task_type="CAUSAL_LM",
        )
    return model, lora


def main():
    row = json.loads(sys.argv[1])
    parts = sorted(glob.glob(f"{row['packed']}/part-*.parquet"))
    data = datasets.load_dataset("parquet", data_files=parts, split="train")
    model, lora = loaded(row)
    isolated = row["packed_attention"] == "document"
    config = trl.SFTConfig(
        output_dir=row["output_dir"],
        packing=False,  # the rows are chunks already
        padding_free=isolated,
        max_length=None,
        per_device_train_batch_size=row["batch"],
        gradient_accumulation_steps=row["accumulation"],
        gradient_checkpointing=row["checkpointing"],
        max_steps=row["steps"],
        learning_rate=row["rate"],
        lr_scheduler_type="constant",
        bf16=row["bf16"],
        use_cpu=row["cpu"],
        logging_steps=row["logging"],
        logging_first_step=True,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        train_sampling_strategy="sequential",
        **row["keys"],
    )
    trainer = Trainer(
        model=model,
        args=config,
        train_dataset=data,
        peft_config=lora,
        processing_class=transformers.PreTrainedTokenizerFast(
            tokenizer_file=row["tokenizer"], eos_token="</s>", pad_token="</s>"
        ),
        callbacks=[Stamps(row["window"])],
    )
    begin = time.monotonic()
    trainer.train()
    tell(
        waited=trainer.waited / (time.monotonic() - begin),
        adapters=str({p.dtype for n, p in trainer.model.named_parameters() if "lora_" in n}),
        versions={
            "torch": torch.__version__,
            **{it.__name__: it.__version__ for it in (transformers, trl, peft)},
        },
    )


if __name__ == "__main__":
    main()
