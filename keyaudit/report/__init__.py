"""Reports: what an audit says, as files of one folder. (DESIGN §4, §5)"""
