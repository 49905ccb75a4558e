// Drives external-dns' own Cloudflare provider and planner for one round, as its controller does with the noop
// registry: list, adjust, plan, apply. It prints the planned changes as one JSON line and, with -plan-only, applies
// nothing. It holds no logic of its own, so what it proves is that the unchanged provider agrees with the simulator.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/pkg/apis/externaldns"
	"sigs.k8s.io/external-dns/plan"
	"sigs.k8s.io/external-dns/provider/cloudflare"
)

type summary struct {
	Current int `json:"current"`
	Create  int `json:"create"`
	Update  int `json:"update"`
	Delete  int `json:"delete"`
}

func main() {
	desiredFile := flag.String("desired", "", "JSON array of external-dns endpoints")
	zone := flag.String("zone", "example.test", "zone to manage")
	perPage := flag.Int("per-page", 100, "records a page")
	planOnly := flag.Bool("plan-only", false, "print the plan and apply nothing")
	flag.Parse()
	if err := round(*desiredFile, *zone, *perPage, *planOnly); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func round(desiredFile, zone string, perPage int, planOnly bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	text, err := os.ReadFile(desiredFile)
	if err != nil {
		return err
	}
	var desired []*endpoint.Endpoint
	if err := json.Unmarshal(text, &desired); err != nil {
		return fmt.Errorf("%s: %w", desiredFile, err)
	}
	filter := endpoint.NewDomainFilter([]string{zone})
	cfg := &externaldns.Config{
		CloudflareDNSRecordsPerPage: perPage,
		BatchChangeSize:             200,
		BatchChangeInterval:         10 * time.Millisecond,
	}
	provider, err := cloudflare.New(ctx, cfg, filter)
	if err != nil {
		return err
	}
	current, err := provider.Records(ctx)
	if err != nil {
		return fmt.Errorf("records: %w", err)
	}
	desired, err = provider.AdjustEndpoints(desired)
	if err != nil {
		return fmt.Errorf("adjust: %w", err)
	}
	changes := (&plan.Plan{
		Policies:       []plan.Policy{&plan.SyncPolicy{}},
		Current:        current,
		Desired:        desired,
		DomainFilter:   endpoint.MatchAllDomainFilters{filter},
		ManagedRecords: []string{"A", "AAAA", "CNAME", "TXT", "MX", "SRV", "NS"},
	}).Calculate().Changes
	report, err := json.Marshal(summary{len(current), len(changes.Create), len(changes.UpdateNew), len(changes.Delete)})
	if err != nil {
		return err
	}
	fmt.Println(string(report))
	if planOnly || !changes.HasChanges() {
		return nil
	}
	return provider.ApplyChanges(ctx, changes)
}
