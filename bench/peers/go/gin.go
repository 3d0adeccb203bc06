package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/segmentio/kafka-go"
)

// ginServer takes POST /pay as the first Go services do: bind, marshal, write to Kafka, answer. Tuned: a batch waits a
// millisecond and not a second, and every in-sync replica acknowledges. It prints its address, and serves until
// standard input ends.
func ginServer(told settings) error {
	writer := &kafka.Writer{
		Addr:         kafka.TCP(told.addresses()...),
		Topic:        told.topic,
		Balancer:     &kafka.Hash{},
		RequiredAcks: kafka.RequireAll,
		BatchTimeout: time.Millisecond,
	}
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.Use(gin.Recovery())
	router.POST("/pay", func(c *gin.Context) {
		var asked payment
		if err := c.ShouldBindJSON(&asked); err != nil {
			c.JSON(http.StatusBadRequest, gin.H{"error": err.Error()})
			return
		}
		value, err := json.Marshal(asked)
		if err != nil {
			c.JSON(http.StatusBadRequest, gin.H{"error": err.Error()})
			return
		}
		record := kafka.Message{Key: []byte(asked.UserID), Value: value}
		if err := writer.WriteMessages(c.Request.Context(), record); err != nil {
			c.JSON(http.StatusServiceUnavailable, gin.H{"error": err.Error()})
			return
		}
		c.JSON(http.StatusAccepted, gin.H{"status": "accepted"})
	})

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	server := &http.Server{Handler: router}
	go func() {
		// However the parent ends, its end of the pipe is closed.
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Shutdown(context.Background())
	}()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return writer.Close()
}
