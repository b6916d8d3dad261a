from eobench_dash.cli.main import main

main()
