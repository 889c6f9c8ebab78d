"""A trainer of one's own: the study's feature network under a detector of points.

PYTHONPATH=examples harness run search_spaces/control.yaml --trial own_trainer:train
"""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss

import harness
from harness.data.loader import TrainBatches, eval_batches

WEIGHT = torch.tensor(20.0)
"""Of a cell that has a box's centre: few have."""


def train(spec, where, on_epoch):
    """Each cell of the finest map says which classes are centred in it, and the four sides."""
    data, net = harness.trial_data(spec, where), harness.trial_network(spec, where)
    size, recipe, seeds = spec.model.image_size, spec.recipe, spec.seeds
    classes, level = len(spec.facts.categories), net.levels[0]
    torch.manual_seed(seeds.init)
    head = torch.nn.Conv2d(spec.model.feature_network.width, classes + 4, 1)
    weights = [p for part in (net, head) for p in part.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=recipe.optimizer.learning_rate)
    streams = {"order_seed": seeds.order, "augmentation_seed": seeds.augmentation}
    batches = TrainBatches(data.train, size, recipe.batch_size, recipe.augmentation, **streams)

    def cells(images):
        return head(net.feature_network(net.features(images))[f"p{level}"])

    for epoch in range(1, recipe.schedule.epochs + 1):
        net.train()
        for images, targets in batches.epoch(epoch):
            out = cells(images)
            image, row = (targets.labels >= 0).nonzero(as_tuple=True)
            box, label = targets.boxes[image, row] / 2**level, targets.labels[image, row]
            x, y = ((box[:, :2] + box[:, 2:]) / 2).long().clamp(max=out.shape[-1] - 1).T
            wanted = torch.zeros_like(out[:, :classes])
            wanted[image, label, y, x] = 1
            loss = binary_cross_entropy_with_logits(out[:, :classes], wanted, pos_weight=WEIGHT)
            loss += l1_loss(out[image, classes:, y, x], box - torch.stack([x, y, x, y], 1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        on_epoch({"epoch": epoch, "epochs": recipe.schedule.epochs, "loss": loss.item()})
    net.eval()
    found = []
    with torch.no_grad():
        for batch in eval_batches(data.val, size, recipe.batch_size):
            found += rows(cells(batch.images), batch, data.truth["categories"], 2**level)
    return harness.trial_record(spec, where, detections=found, dataset=data)


train.version = 1  # in the ids of trials: raise it when the function gives other numbers
train.pretrains = False  # backbones that trials take over are trained by the harness


def rows(out, batch, categories, stride):
    """The best cells of each image as rows of a COCO result file."""
    for image, scale, one in zip(batch.ids, batch.scales.tolist(), out, strict=True):
        scores, places = one[: len(categories)].sigmoid().flatten().topk(100)
        for score, place in zip(scores.tolist(), places.tolist(), strict=True):
            label, cell = divmod(place, one[0].numel())
            y, x = divmod(cell, one.shape[-1])
            left, top, right, bottom = one[len(categories) :, y, x].tolist()
            box = (left + x, top + y, max(0.0, right - left), max(0.0, bottom - top))
            yield {"image_id": image, "category_id": categories[label]["id"], "score": score,
                   "bbox": [side * stride / scale for side in box]}  # fmt: skip
