"""A study that trains for a second: one trial on the kept features of a frozen backbone."""

STUDY = """\
question: Which width?
model:
  image_size: 64
  backbone:
    name: lcnet_035
    frozen: all
    source:
      model:
        feature_network: {topology: lateral, width: 8, repeats: 1, projection: always}
        head: {width: 8, depth: 1}
      recipe: &recipe
        batch_size: 8
        optimizer: {name: adamw, learning_rate: 2e-3, reference_batch: 8}
        schedule: {epochs: 2, warmup_epochs: 0.5, ema_decay: 0.9}
        augmentation: {flip: true, scale: [1, 1]}
  feature_network: {topology: bifpn, width: 8, repeats: 1, projection: always}
  head: {depth: 1}
recipe: *recipe
data: {name: shapes, train_images: 16, val_images: 8}
"""
