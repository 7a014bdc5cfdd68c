// Command gpx_livetail is the back end of the Grafana data source livetail: it streams lines of a log into dashboards, through Grafana Live.
// Grafana starts it; README.md says how to install it.
//
// It is a client of livetail's front door, like a browser, and a module of its own, so that neither the front door nor the plugin that
// reads files carries Grafana's SDK.
package main

import (
	_ "time/tzdata" // For the setting of the time zone.

	"os"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/datasource"
	"github.com/grafana/grafana-plugin-sdk-go/backend/log"
)

// pluginID is that of plugin.json.
const pluginID = "livetail-datasource"

func main() {
	backend.SetupPluginEnvironment(pluginID)
	if err := datasource.Manage(pluginID, newSource, datasource.ManageOpts{}); err != nil {
		log.DefaultLogger.Error("the data source ended", "error", err)
		os.Exit(1)
	}
}
