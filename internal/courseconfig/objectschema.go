package courseconfig

func (k *objectKind) schema() object { return object{"type": "object"} }

func (m *model) schema() object { return object{"type": "object"} }
