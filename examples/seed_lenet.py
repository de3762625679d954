"""The LeNet program that minigrad grew from, as it stands but for the imports and the lines that load the images."""

import minigrad as mg
from minigrad import layers

(train_images, train_labels), _ = mg.data.fashion_mnist()
train_images = train_images[..., None] / 255

# 定义LeNet模型
model = mg.Sequential([
    layers.Conv2D(32, (3, 3), activation='relu', input_shape=(28, 28, 1)),
    layers.MaxPooling2D((2, 2)),
    layers.Conv2D(64, (3, 3), activation='relu'),
    layers.MaxPooling2D((2, 2)),
    layers.Flatten(),
    layers.Dense(128, activation='relu'),
    layers.Dense(10, activation='softmax')
])

# 编译模型
model.compile(optimizer='adam',
              loss='sparse_categorical_crossentropy',
              metrics=['accuracy'])

# 训练模型
model.fit(train_images, train_labels, epochs=5)
