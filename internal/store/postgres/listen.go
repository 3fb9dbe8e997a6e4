package postgres

// channel is the channel of the notices.
const channel = "coursewright"
